"""Where disks come from: downloads, bootstraps, overlays, seeds; and the store that keeps them."""
