#ifndef RESPROBE_DRIVER_LIBC_SHIM_H_
#define RESPROBE_DRIVER_LIBC_SHIM_H_

namespace resprobe::driver {

// Makes the linker include this file's object, which must precede the client's library. A program
// that calls it links resprobe::libc_shim.
void UseClientCalls();

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_LIBC_SHIM_H_
