/** Real packets through the proxy, compared with what the routing table says; needs root. */
import { conformance } from '@portolan/conformance'
import test from 'ava'
import underTest from './under-test.ts'

const { PORTOLAN_SLOWNESS: slowness = '1' } = process.env

// How many times as long everything takes here: all waits grow with it.
conformance({ test, ...underTest, slowness: Number(slowness) })
