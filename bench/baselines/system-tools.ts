/** How the system's own tools are found: npm puts a program called nft of quite another kind before them. */
export const systemTools = {
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
} as const
