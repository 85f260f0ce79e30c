"""A model of many gateways: what a size that no machine here has would ask of each part."""
