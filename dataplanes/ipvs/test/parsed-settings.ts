import { parseSettings } from '@portolan/core'
import { type IpvsSettings, readSettings, settings } from '../layout/settings.ts'

/** As an operator writes them. */
export function parsedSettings(given: Readonly<Record<string, string>>, masqueradeBit: number): IpvsSettings {
  return readSettings(parseSettings(settings, given), masqueradeBit)
}
