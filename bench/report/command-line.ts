/**
 * The command that makes one plot's numbers again: the run's own, narrowed to the plot's scenarios unless it chose
 * scenarios itself.
 */
export function plotCommand(command: string, scenarios: readonly string[]): string {
  return /\s--scenario[\s=]/.test(command) ? command : `${command} --scenario ${scenarios.join(',')}`
}
