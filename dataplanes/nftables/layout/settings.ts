import type { SettingDeclarations, SettingValues } from '@portolan/core'

/** What `--dataplane-option` may say. */
export const settings = {
  transport: {
    type: 'choice',
    choices: ['netlink', 'nft'],
    default: 'netlink',
    description: 'how elements reach the kernel: as raw netlink, or through the nft program alone',
  },
} as const satisfies SettingDeclarations

export type Settings = SettingValues<typeof settings>
