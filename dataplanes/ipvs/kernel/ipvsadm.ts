import { firstLines, type SystemCommand, SystemCommandError } from '@portolan/native/system-command'

/** Runs ipvsadm, which tells what it could not restore and still exits with 0. */
export async function ipvsadm(
  command: SystemCommand,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { stdout, stderr } = await command.capture('ipvsadm', args, input)
  if (stderr.trim() !== '')
    throw new SystemCommandError('COMMAND_FAILED', 'ipvsadm', `ipvsadm: ${firstLines(stderr)}`, stderr)
  return stdout
}
