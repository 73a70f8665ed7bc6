"""Puts one case together: facts -> owners -> prognosis -> plan -> CaseFile. An alert and `explain` are one path."""
