import { converges } from '@portolan/conformance/convergence'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'

converges(test, 'ebpf', { file: 'dataplanes/ebpf/test/convergence.test.ts', subject: modelSubject })
