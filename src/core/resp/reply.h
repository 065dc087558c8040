#ifndef RESPROBE_CORE_RESP_REPLY_H_
#define RESPROBE_CORE_RESP_REPLY_H_

// The declarations below are the contract that other rooms build on; the RESP room fills them in.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::resp {

// The types of RESP2 and RESP3; each is the byte that starts it on the wire.
enum class Type : uint8_t {
  kSimpleString = '+',
  kSimpleError = '-',
  kInteger = ':',
  kBulkString = '$',
  kArray = '*',
  kNull = '_',
  kBoolean = '#',
  kDouble = ',',
  kBigNumber = '(',
  kBulkError = '!',
  kVerbatimString = '=',
  kMap = '%',
  kSet = '~',
  kAttribute = '|',
  kPush = '>',
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REPLY_H_
