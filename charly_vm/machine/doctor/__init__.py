"""What this host has and lacks, and how to get it: `charly doctor`."""
