/** Real packets through this kernel, compared with what the routing table says; needs root. */
import { conformance, type RowClaim } from '@portolan/conformance'
import test from 'ava'
import underTest from './under-test.ts'

/** Rows that take minutes are left out, unless the environment says PORTOLAN_KIT=whole. */
const isQuick = ({ feature, name }: RowClaim) =>
  !feature.startsWith('affinity') && !/^while |hundred|kill|after all/.test(name)

const { PORTOLAN_KIT: kit, PORTOLAN_SLOWNESS: slowness = '1' } = process.env

conformance({
  test,
  ...underTest,
  // How many times as long everything takes here: all waits grow with it.
  slowness: Number(slowness),
  ...(kit === 'whole' ? {} : { filter: isQuick }),
})
