// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for NVIDIA's nvidia.ko, for charly's tests. It drives no card.
 *
 * It binds QEMU's emulated displays, and imitates what somebody who takes cards from the real
 * driver meets:
 *
 * - The character devices /dev/nvidia0 ... and /dev/nvidiactl. Each open file is a reference to the
 *   module, so the kernel refuses to unload it; one of a card is also a use of that card.
 * - The driver's remove waits, uninterruptibly, until the last use of its card ends. The real one is
 *   nv_pci_remove_helper() in kernel-open/nvidia/nv-pci.c, which says "We can't return from this
 *   function without corrupting state, so we wait for the usage count to go to zero".
 * - leak=1, which the real one has not: closing a file gives no use back, as after a crash in the
 *   driver. A remove that waits for it never ends.
 * - What other modules of the family need of this one, so that they hold it.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "nvidia-stand-in.h"

/* Those of the real driver. */
#define NV_MAJOR 195
#define NV_CONTROL_MINOR 255
#define NV_MINORS 256
#define NV_REMOVE_DELAY_MS 500

#define NV_CARDS 8

static bool leak;
module_param(leak, bool, 0644);
MODULE_PARM_DESC(leak, "closing a file keeps its card in use for ever");

struct nv_card {
	struct pci_dev *pdev;
	int minor;
	atomic64_t usage_count;
};

static struct nv_card *nv_cards[NV_CARDS];
static DEFINE_MUTEX(nv_cards_lock);

static struct class *nv_class;
static struct cdev nv_cdev;
static struct proc_dir_entry *nv_proc;

static int nvidia_open(struct inode *inode, struct file *file)
{
	unsigned int minor = iminor(inode);
	struct nv_card *card = NULL;

	if (minor == NV_CONTROL_MINOR)
		return 0;
	mutex_lock(&nv_cards_lock);
	if (minor < NV_CARDS)
		card = nv_cards[minor];
	if (card)
		atomic64_inc(&card->usage_count);
	mutex_unlock(&nv_cards_lock);
	file->private_data = card;
	return card ? 0 : -ENODEV;
}

static int nvidia_close(struct inode *inode, struct file *file)
{
	struct nv_card *card = file->private_data;

	if (card && !leak)
		atomic64_dec(&card->usage_count);
	return 0;
}

static const struct file_operations nvidia_fops = {
	.owner = THIS_MODULE,
	.open = nvidia_open,
	.release = nvidia_close,
};

static void nv_use_cards(int uses)
{
	int minor;

	mutex_lock(&nv_cards_lock);
	for (minor = 0; minor < NV_CARDS; minor++)
		if (nv_cards[minor])
			atomic64_add(uses, &nv_cards[minor]->usage_count);
	mutex_unlock(&nv_cards_lock);
}

static void nv_hold_cards(void)
{
	nv_use_cards(1);
}

static void nv_release_cards(void)
{
	nv_use_cards(-1);
}

static const struct nvidia_rm_ops nv_rm_ops = {
	.hold_cards = nv_hold_cards,
	.release_cards = nv_release_cards,
};

const struct nvidia_rm_ops *nvidia_get_rm_ops(void)
{
	return &nv_rm_ops;
}
EXPORT_SYMBOL(nvidia_get_rm_ops);

static int nv_add_card(struct nv_card *card)
{
	int minor;

	mutex_lock(&nv_cards_lock);
	for (minor = 0; minor < NV_CARDS; minor++)
		if (!nv_cards[minor])
			break;
	if (minor < NV_CARDS) {
		card->minor = minor;
		nv_cards[minor] = card;
	}
	mutex_unlock(&nv_cards_lock);
	return minor < NV_CARDS ? 0 : -ENOSPC;
}

static int nv_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct nv_card *card;
	struct device *node;
	int error;

	/* An id that came by new_id or driver_override says nothing of the class. */
	if (pdev->class >> 16 != PCI_BASE_CLASS_DISPLAY)
		return -ENODEV;
	/* Both end with the binding, by themselves. */
	error = pcim_enable_device(pdev);
	if (error)
		return error;
	card = devm_kzalloc(&pdev->dev, sizeof(*card), GFP_KERNEL);
	if (!card)
		return -ENOMEM;
	error = pci_request_regions(pdev, "nvidia");
	if (error)
		return error;
	card->pdev = pdev;
	error = nv_add_card(card);
	if (error)
		goto release_regions;
	/* The real driver leaves the nodes to nvidia-modprobe; here the kernel makes them. */
	node = device_create(nv_class, NULL, MKDEV(NV_MAJOR, card->minor), NULL, "nvidia%d",
			     card->minor);
	if (IS_ERR(node)) {
		error = PTR_ERR(node);
		goto remove_card;
	}
	pci_set_drvdata(pdev, card);
	pr_info("NVRM: stand-in bound %s as nvidia%d\n", pci_name(pdev), card->minor);
	return 0;

remove_card:
	mutex_lock(&nv_cards_lock);
	nv_cards[card->minor] = NULL;
	mutex_unlock(&nv_cards_lock);
release_regions:
	pci_release_regions(pdev);
	return error;
}

/* Whether it was: a card in use stays, and can be opened still. */
static bool nv_remove_unused(struct nv_card *card)
{
	bool unused;

	mutex_lock(&nv_cards_lock);
	unused = atomic64_read(&card->usage_count) == 0;
	if (unused)
		nv_cards[card->minor] = NULL;
	mutex_unlock(&nv_cards_lock);
	return unused;
}

static void nv_pci_remove(struct pci_dev *pdev)
{
	struct nv_card *card = pci_get_drvdata(pdev);

	if (!nv_remove_unused(card)) {
		/*
		 * No dev_err(), as in the real driver: journald looks up the device of such a
		 * message, which waits for the lock that this function is called with, and then
		 * everybody waits who logs.
		 */
		pr_err("NVRM: Attempting to remove device %s with non-zero usage count!\n",
		       pci_name(pdev));
		do
			msleep(NV_REMOVE_DELAY_MS);
		while (!nv_remove_unused(card));
		pr_err("NVRM: Continuing with GPU removal for device %s\n", pci_name(pdev));
	}
	device_destroy(nv_class, MKDEV(NV_MAJOR, card->minor));
	pci_release_regions(pdev);
}

static const struct pci_device_id nv_pci_table[] = {
	/* QEMU's VGA. The ids of emulated cards cannot be chosen. */
	{ PCI_DEVICE(0x1234, 0x1111) },
	{ }
};
MODULE_DEVICE_TABLE(pci, nv_pci_table);

static struct pci_driver nv_pci_driver = {
	.name = "nvidia",
	.id_table = nv_pci_table,
	.probe = nv_pci_probe,
	.remove = nv_pci_remove,
};

static int nv_version_show(struct seq_file *file, void *unused)
{
	seq_puts(file, "NVRM version: NVIDIA UNIX Kernel Module  0.0  stand-in of charly's tests\n");
	return 0;
}

/* Everybody may open the nodes, as with the real driver. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
static char *nv_devnode(const struct device *dev, umode_t *mode)
#else
static char *nv_devnode(struct device *dev, umode_t *mode)
#endif
{
	if (mode)
		*mode = 0666;
	return NULL;
}

static int nv_create_class(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	nv_class = class_create("nvidia-stand-in");
#else
	nv_class = class_create(THIS_MODULE, "nvidia-stand-in");
#endif
	if (IS_ERR(nv_class))
		return PTR_ERR(nv_class);
	nv_class->devnode = nv_devnode;
	return 0;
}

static int __init nvidia_init(void)
{
	int error;

	error = register_chrdev_region(MKDEV(NV_MAJOR, 0), NV_MINORS, "nvidia");
	if (error)
		return error;
	error = nv_create_class();
	if (error)
		goto unregister_region;
	cdev_init(&nv_cdev, &nvidia_fops);
	nv_cdev.owner = THIS_MODULE;
	error = cdev_add(&nv_cdev, MKDEV(NV_MAJOR, 0), NV_MINORS);
	if (error)
		goto destroy_class;
	device_create(nv_class, NULL, MKDEV(NV_MAJOR, NV_CONTROL_MINOR), NULL, "nvidiactl");
	nv_proc = proc_mkdir("driver/nvidia", NULL);
	if (nv_proc)
		proc_create_single("version", 0444, nv_proc, nv_version_show);
	error = pci_register_driver(&nv_pci_driver);
	if (!error)
		return 0;

	proc_remove(nv_proc);
	device_destroy(nv_class, MKDEV(NV_MAJOR, NV_CONTROL_MINOR));
	cdev_del(&nv_cdev);
destroy_class:
	class_destroy(nv_class);
unregister_region:
	unregister_chrdev_region(MKDEV(NV_MAJOR, 0), NV_MINORS);
	return error;
}

static void __exit nvidia_exit(void)
{
	pci_unregister_driver(&nv_pci_driver);
	proc_remove(nv_proc);
	device_destroy(nv_class, MKDEV(NV_MAJOR, NV_CONTROL_MINOR));
	cdev_del(&nv_cdev);
	class_destroy(nv_class);
	unregister_chrdev_region(MKDEV(NV_MAJOR, 0), NV_MINORS);
}

module_init(nvidia_init);
module_exit(nvidia_exit);
MODULE_DESCRIPTION("Stand-in for NVIDIA's driver, for tests");
MODULE_LICENSE("GPL");
