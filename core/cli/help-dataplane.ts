import { features } from '../dataplane/contract.ts'
import { loadFactory } from '../dataplane/load-dataplane.ts'
import { defaultText, type SettingDeclaration, settingFormat } from '../dataplane/settings.ts'

/** Prints what a dataplane can do and which options it has; opens nothing. @throws {DataplaneLoadError} */
export async function helpDataplane(name: string): Promise<void> {
  const { capabilities, settings, name: ownName } = await loadFactory(name)
  const { families, protocols, gaps, kernel } = capabilities
  const needs = kernel === undefined ? '' : `; Linux ${kernel} or newer`
  console.log(`Dataplane ${ownName}: ${families.join(', ')}; ${protocols.join(', ')}${needs}`)
  const lacking = Object.entries(gaps).map(
    ([feature, instead]) => `  ${features[feature as keyof typeof features]}: ${instead}`,
  )
  if (lacking.length > 0) console.log(`\nGaps, with what happens instead:\n${lacking.join('\n')}`)
  const options = Object.entries(settings).map(([option, declared]) => describe(option, declared))
  console.log(`\nOptions (--dataplane-option NAME=VALUE):\n${options.join('\n') || '  none'}`)
}

function describe(name: string, declared: SettingDeclaration): string {
  const text = defaultText(declared)
  const byDefault = text === undefined || text === '' ? '' : ` (default: ${text})`
  return `  ${name}=${settingFormat(declared)}\n      ${declared.description}${byDefault}`
}
