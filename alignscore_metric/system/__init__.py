"""What is asked of the machine: files that appear whole, hashes, threads, freed memory."""
