"""The StagingGlacierProcess: the only place that knows the order of things.

A delivery goes through ``unbag`` once, then each of its works through ``audit``, ``archive`` and ``publish``, and then
it is concluded. Every stage looks at what is already true, does the rest, and records its outcome in one transaction;
so a process that is killed anywhere and started again ends in the same state.

Nothing is imported here: each part brings much along that the others do without.
"""
