"""Edges from the segmentation, the flow and the image (report, 2.6.1).

The image's can also be those of a network, :mod:`flowmend.edges.hed`, which is not imported here:
it takes torch, and these do without.
"""

from flowmend.edges.canny import flow_edges, image_edges
from flowmend.edges.outlines import segmentation_edges

__all__ = ["EDGES_VERSION", "flow_edges", "image_edges", "segmentation_edges"]

EDGES_VERSION = 1
"""Raised whenever the same input would give other edges."""
