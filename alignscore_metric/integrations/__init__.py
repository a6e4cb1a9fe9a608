"""Other libraries' interfaces to the metric, one small file each. Only users import them."""
