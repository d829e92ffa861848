"""flowmend: inpainting of optical flow and, through it, of video."""

__version__ = "0.1.0"
