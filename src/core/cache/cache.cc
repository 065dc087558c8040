#include "core/cache/cache.h"

#include <cstring>

namespace resprobe::cache {

void Cache::FieldName(std::string_view key, std::string_view field, std::string* name) {
  const auto size = static_cast<uint32_t>(key.size());
  char bytes[sizeof(size)];
  std::memcpy(bytes, &size, sizeof(size));
  name->assign(bytes, sizeof(bytes)).append(key).append(field);
}

std::string_view Cache::KeyOfField(std::string_view name) {
  uint32_t size = 0;
  if (name.size() < sizeof(size)) return {};
  std::memcpy(&size, name.data(), sizeof(size));
  return name.substr(sizeof(size), size);
}

std::string_view Cache::FieldOf(std::string_view name) {
  const size_t head = sizeof(uint32_t) + KeyOfField(name).size();
  return head <= name.size() ? name.substr(head) : std::string_view();
}

void Cache::Reset() {
  keys.Clear();
  fields.Clear();
  members_.clear();
}

}  // namespace resprobe::cache
