#include "core/commands/sampling.h"

namespace resprobe {

bool ParseSampleRequest(CommandContext& c, std::string_view word, SampleRequest* request) {
  if (!c.Int(2, &request->count)) return false;
  if (request->count == INT64_MIN) {
    return c.Error(
        "ERR value is out of range, value must between -9223372036854775807 and "
        "9223372036854775807");
  }
  if (c.argc() == 3) return true;
  if (c.argc() > 4 || word.empty() || !c.Is(3, word)) return c.SyntaxError();
  request->with_values = true;
  // The doubled number of elements must not overflow.
  if (request->count < -INT64_MAX / 2 || request->count > INT64_MAX / 2) {
    return c.Error(errors::kOutOfRange);
  }
  return true;
}

bool SampleSize(CommandContext& c, const SampleRequest& request, size_t size, size_t* elements) {
  if (request.count >= 0) {
    *elements = std::min(static_cast<size_t>(request.count), size);
    return true;
  }
  if (request.count < -kMaxRepeats) return c.Error(errors::kOutOfRange);
  *elements = static_cast<size_t>(-request.count);
  return true;
}

}  // namespace resprobe
