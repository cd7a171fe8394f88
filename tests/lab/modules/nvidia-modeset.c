// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for NVIDIA's nvidia-modeset.ko, for charly's tests.
 *
 * It needs the nvidia module and is needed by nvidia_drm. Its node is /dev/nvidia-modeset.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "nvidia-stand-in.h"

const struct nvidia_rm_ops *nvKmsKapiGetFunctionTable(void)
{
	return nvidia_get_rm_ops();
}
EXPORT_SYMBOL(nvKmsKapiGetFunctionTable);

static const struct file_operations modeset_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice modeset = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "nvidia-modeset",
	.fops = &modeset_fops,
	.mode = 0666,
};

static int __init modeset_init(void)
{
	return misc_register(&modeset);
}

static void __exit modeset_exit(void)
{
	misc_deregister(&modeset);
}

module_init(modeset_init);
module_exit(modeset_exit);
MODULE_DESCRIPTION("Stand-in for NVIDIA's mode setting, for tests");
MODULE_LICENSE("GPL");
