"""What tools/analysis_tools/benchmark.py measures, one subject a file."""
