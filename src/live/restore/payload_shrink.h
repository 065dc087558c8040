#ifndef RESPROBE_LIVE_RESTORE_PAYLOAD_SHRINK_H_
#define RESPROBE_LIVE_RESTORE_PAYLOAD_SHRINK_H_

#include <functional>
#include <string>

namespace resprobe::live {

// Leaves elements, entries of packed blobs, and bytes of strings out of a value, and writes what is
// left in its usual form, as long as `still_fails` is true of the result.
void ShrinkPayload(std::string* value, const std::function<bool(const std::string&)>& still_fails);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_PAYLOAD_SHRINK_H_
