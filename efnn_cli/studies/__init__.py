"""Many trainings: sweeps, comparison, the paper.

sweep_desk.py sweep_jobs.py sweep_multirun.py sweep_run.py                  `efnn train -m`
compare_contest.py compare_grid.py compare_run.py compare_standings.py      `efnn compare`
compare_report.py compare_text.py compare_figures.py                        its tables and figures
paper_experiments.py paper_planning.py paper_estimates.py paper_stages.py   `efnn reproduce`
paper_pool.py paper_progress.py paper_timing.py paper_findings.py           its work
paper_tables.py paper_published.py paper_pages.py paper_pictures.py         its report
sweep.py compare.py paper.py    results of the three
plot_kinds.py plot_selection.py plot_files.py plot_networks.py                            `efnn plot`
"""
