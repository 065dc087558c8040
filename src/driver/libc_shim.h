#ifndef RESPROBE_DRIVER_LIBC_SHIM_H_
#define RESPROBE_DRIVER_LIBC_SHIM_H_

namespace resprobe::driver {

// Names this file's object for the linker, which must have it before it sees the client's library.
// A program that calls it links resprobe::client_calls.
void UseClientCalls();

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_LIBC_SHIM_H_
