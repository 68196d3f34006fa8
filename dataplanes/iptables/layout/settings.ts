import type { SettingDeclarations, SettingValues } from '@portolan/core'
import { iptablesVariants } from '@portolan/native/netfilter'

/** What `--dataplane-option` may say. */
export const settings = {
  variant: {
    type: 'choice',
    choices: iptablesVariants,
    description:
      "which iptables programs to use; without it, those that the node's other rules are made with",
  },
  comments: {
    type: 'flag',
    default: true,
    description: 'whether rules say which Service they are for',
  },
} as const satisfies SettingDeclarations

export type Settings = SettingValues<typeof settings>
