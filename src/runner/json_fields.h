#ifndef RESPROBE_RUNNER_JSON_FIELDS_H_
#define RESPROBE_RUNNER_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/json.h"

// The fields of a JSON object that somebody else may have written: a field that is missing, or of
// another type, counts as absent.
namespace resprobe::runner {

// "" if absent.
std::string TextField(const Json& json, const char* key);
double NumberField(const Json& json, const char* key, double otherwise = 0);
bool BoolField(const Json& json, const char* key, bool otherwise = false);
std::optional<uint64_t> UintField(const Json& json, const char* key);
// An empty array, or object, if absent.
Json ListField(const Json& json, const char* key);
Json ObjectField(const Json& json, const char* key);
// The texts of an array; its other elements are left out.
std::vector<std::string> TextsField(const Json& json, const char* key);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_JSON_FIELDS_H_
