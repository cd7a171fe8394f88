// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for NVIDIA's nvidia-drm.ko, for charly's tests. It makes no DRM device.
 *
 * It needs the nvidia_modeset module. With modeset=1 it uses every card from when it is loaded until
 * it is unloaded, as the real one does for the console and the display server: no process has a
 * file open, and still a card cannot leave its driver.
 */
#include <linux/module.h>

#include "nvidia-stand-in.h"

static bool modeset;
module_param(modeset, bool, 0444);
MODULE_PARM_DESC(modeset, "use the cards while this module is loaded");

static int __init drm_stand_in_init(void)
{
	const struct nvidia_rm_ops *ops = nvKmsKapiGetFunctionTable();

	if (modeset)
		ops->hold_cards();
	return 0;
}

static void __exit drm_stand_in_exit(void)
{
	if (modeset)
		nvKmsKapiGetFunctionTable()->release_cards();
}

module_init(drm_stand_in_init);
module_exit(drm_stand_in_exit);
MODULE_DESCRIPTION("Stand-in for NVIDIA's DRM driver, for tests");
MODULE_LICENSE("GPL");
