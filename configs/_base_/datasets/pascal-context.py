# What PASCAL-Context models are built for. The loaders come with the data
# set; until then these configs build and count, and do not train.
tasks = ['semseg', 'human_parts', 'saliency', 'normals', 'edge']
crop_size = (512, 512)
