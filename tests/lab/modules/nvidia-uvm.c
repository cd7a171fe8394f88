// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for NVIDIA's nvidia-uvm.ko, for charly's tests.
 *
 * It needs the nvidia module, which therefore cannot be unloaded before it, and has a node of its
 * own, /dev/nvidia-uvm, which keeps this module while it is open. It uses no card.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "nvidia-stand-in.h"

static const struct file_operations uvm_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice uvm = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "nvidia-uvm",
	.fops = &uvm_fops,
	.mode = 0666,
};

static int __init uvm_init(void)
{
	return nvidia_get_rm_ops() ? misc_register(&uvm) : -ENODEV;
}

static void __exit uvm_exit(void)
{
	misc_deregister(&uvm);
}

module_init(uvm_init);
module_exit(uvm_exit);
MODULE_DESCRIPTION("Stand-in for NVIDIA's unified memory, for tests");
MODULE_LICENSE("GPL");
