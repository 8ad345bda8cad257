"""Many trainings: one engine (grid, trials, summary), used by sweeps, comparisons and the paper.

grid.py trials.py engine.py workers.py launchers.py                             the engine
cost.py progress.py summary.py pictures.py                                      its bar, its results
sweep.py                                                                        `efnn train -m`
compare.py compare_networks.py compare_grid.py compare_tables.py                `efnn compare`
paper.py paper_presets.py paper_plan.py paper_timing.py paper_results.py        `efnn reproduce`
paper_published.py paper_tables.py paper_pictures.py paper_pages.py             its report
plot_kinds.py plots.py plot_selection.py                                        `efnn plot`
steps.py                                                                        label, train, sample; asked again
learning.py learning_results.py                                                 `efnn learn`
scans.py                                                                        experiments beside the paper's
cases.py cases_report.py                                                        what a network was trained on
thermodynamics.py thermodynamics_report.py                                      a scan of the temperature
"""
