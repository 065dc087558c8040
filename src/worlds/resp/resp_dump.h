#ifndef RESPROBE_WORLDS_RESP_RESP_DUMP_H_
#define RESPROBE_WORLDS_RESP_RESP_DUMP_H_

#include <string>
#include <string_view>

namespace resprobe {

// Prints how the core's parsers read a stream: one line for each value, request and error, with its
// offset, its bytes (escaped as redis-cli does; long ones shortened in the middle) and the parsed
// value. Ends in a newline.
//
//   as replies
//        0  "$3\r\nfoo\r\n"   "foo"
//        9  "*2\r\n:1"        more needed from byte 13 on
std::string DumpReplies(std::string_view bytes);
std::string DumpRequests(std::string_view bytes);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_DUMP_H_
