"""Makes the LangGraph and LangChain agents you already run cheaper, safer and accountable."""
