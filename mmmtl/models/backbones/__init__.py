"""Large pretrained backbones: how little of them a training may change."""
