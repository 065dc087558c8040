#ifndef RESPROBE_CORE_COMMANDS_OBJECT_FORM_H_
#define RESPROBE_CORE_COMMANDS_OBJECT_FORM_H_

#include <cstdint>
#include <string_view>

#include "core/keyspace/object.h"
#include "core/table/profile.h"

namespace resprobe {

// How a server stores a value, as OBJECT and DEBUG OBJECT say it: "listpack".
std::string_view EncodingOf(const Object& object, const ProfileTraits& traits);
// How often a value is referred to. Small integers are shared: their count is constant.
int64_t ReferencesTo(const Object& object);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_OBJECT_FORM_H_
