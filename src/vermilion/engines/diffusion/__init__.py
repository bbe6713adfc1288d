"""A diffusion model that the operator brings, in OpenVINO's format, run by OpenVINO GenAI: the pack `diffusion`."""
