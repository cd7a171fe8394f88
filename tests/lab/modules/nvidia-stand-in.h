/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the stand-ins for NVIDIA's modules have of each other. The names are those that the real
 * modules export; what is behind them is as little as makes one module need the other.
 */
#ifndef NVIDIA_STAND_IN_H
#define NVIDIA_STAND_IN_H

/* nvidia's, for nvidia_modeset and nvidia_uvm. */
struct nvidia_rm_ops {
	/* Use every card, as an open file does, and give them all back. */
	void (*hold_cards)(void);
	void (*release_cards)(void);
};
const struct nvidia_rm_ops *nvidia_get_rm_ops(void);

/* nvidia_modeset's, for nvidia_drm. */
const struct nvidia_rm_ops *nvKmsKapiGetFunctionTable(void);

#endif
