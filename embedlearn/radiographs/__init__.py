"""From files on disk to arrays of pixels: reading, manifests, layouts, splits, the cache and the phantom."""
