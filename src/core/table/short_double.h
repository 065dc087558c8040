#ifndef RESPROBE_CORE_TABLE_SHORT_DOUBLE_H_
#define RESPROBE_CORE_TABLE_SHORT_DOUBLE_H_

#include <span>
#include <string_view>

namespace resprobe {

// valkey 8.0's fpconv_dtoa: the fewest digits that read back as the same number, without an
// exponent if that needs few zeros. `buffer` holds at least kNumberBufferSize bytes; the result
// points into it or is static.
std::string_view FormatShortDouble(double value, std::span<char> buffer);

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_SHORT_DOUBLE_H_
