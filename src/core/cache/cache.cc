#include "core/cache/cache.h"

#include <cstring>

namespace resprobe::cache {

void Cache::FieldName(std::string_view key, std::string_view field, std::string* name) {
  const auto size = static_cast<uint32_t>(key.size());
  // In one step: each append costs a call, and more under AddressSanitizer.
  name->resize_and_overwrite(sizeof(size) + key.size() + field.size(), [&](char* to, size_t all) {
    std::memcpy(to, &size, sizeof(size));
    key.copy(to + sizeof(size), key.size());
    field.copy(to + sizeof(size) + key.size(), field.size());
    return all;
  });
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
