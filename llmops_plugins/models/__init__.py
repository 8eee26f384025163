"""The models a deployment uses: how to build them, and what a call to one costs."""
