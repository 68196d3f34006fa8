export { BpfMap } from './bpf-map.ts'
export { BpfObject, type BpfProgram, type LoadOptions, readStructs } from './bpf-object.ts'
export type { BtfStruct } from './btf.ts'
export { attachToCgroup, type CgroupHook, cgroupHook, programAtCgroup } from './cgroup-link.ts'
export {
  bpfFileSystem,
  isBpfFileSystemMounted,
  lockBpfFileSystem,
  makePinDirectory,
  unmountBpfFileSystem,
} from './file-system.ts'
export { readProgramInfoOf } from './info.ts'
export { runIterator } from './iterator.ts'
export { BpfError, LibbpfMissingError, libbpf, openPin } from './library.ts'
export { type Layout, readMapLayout } from './map-layout.ts'
export { linkedProgram } from './pinned-link.ts'
export { ProgramsMissingError, readClosingPrograms, readPrograms } from './programs.ts'
export { attachToTcx, detachLink, hasTcx, programAtTcx } from './tcx.ts'
export {
  attachedProgram,
  attachToInterface,
  type Direction,
  detachFromInterface,
  hasDirection,
  removeUnusedHook,
  type TcPlace,
} from './traffic-control.ts'
