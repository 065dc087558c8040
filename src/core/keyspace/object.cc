#include "core/keyspace/object.h"

#include "core/keyspace/accounting.h"

namespace resprobe {

std::string_view ObjectTypeName(ObjectType type) {
  switch (type) {
    case ObjectType::kNone:
      return "none";
    case ObjectType::kString:
      return "string";
    case ObjectType::kList:
      return "list";
    case ObjectType::kHash:
      return "hash";
    case ObjectType::kSet:
      return "set";
    case ObjectType::kZset:
      return "zset";
  }
  return "none";
}

size_t Object::size() const {
  switch (type_) {
    case ObjectType::kNone:
      return 0;
    case ObjectType::kString:
      return 1;
    case ObjectType::kList:
      return list().size();
    case ObjectType::kHash:
      return hash().size();
    case ObjectType::kSet:
      return set().size();
    case ObjectType::kZset:
      return zset().size();
  }
  return 0;
}

size_t Object::bytes() const {
  switch (type_) {
    case ObjectType::kNone:
      return 0;
    case ObjectType::kString:
      return string_.size();
    case ObjectType::kList:
      return list().bytes();
    case ObjectType::kHash:
      return hash().bytes();
    case ObjectType::kSet:
      return set().bytes();
    case ObjectType::kZset:
      return zset().bytes();
  }
  return 0;
}

}  // namespace resprobe
