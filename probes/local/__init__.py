"""What only root sees of this host's hardware: disks by smartctl, memory by EDAC, the machine by DMI, in a file."""
