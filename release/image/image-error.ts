/** Codes of {@link ImageError}: when it happens, and the fix. */
export const imageErrorCodes = {
  IMAGE_TOOL: {
    when: 'a tool that makes the image is not there, or failed',
    fix: 'build on Debian, with apt-get, dpkg-deb, tar and gzip; look at what the tool printed',
  },
  IMAGE_PACKAGE: {
    when: 'a package that the image is pinned to can no longer be had, or has other bytes',
    fix: 'npm run image -- --update pins what there is now; look at the difference, and commit it',
  },
  IMAGE_FOLDER: {
    when: 'the folder for the image has something else in it',
    fix: 'name one that is empty, is not there yet, or has an image, by --output',
  },
} as const

/** The image can't be built as the checkout pins it. */
export class ImageError extends Error {
  readonly code: keyof typeof imageErrorCodes

  constructor(code: ImageError['code'], message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.name = 'ImageError'
    this.code = code
  }
}
