"""From a document to the models in it, or to every problem that it has.

findings    what is found on the way: problems, warnings, good models
document    a file's top: directives, nodes, blocks beside their nodes
node        one node: its kind, and who reads that
children    a node's children: blocks, steps, nodes inside it
steps       one step, in each of its spellings
vm, candy, resource, group, foreign     the kinds
written     a node as it is written, once its kind is known
subtree     what a top-level node declares, with all that is inside it
"""
