#ifndef RESPROBE_ENGINE_FIELDS_H_
#define RESPROBE_ENGINE_FIELDS_H_

// Enumerates the fields of a plain struct, in order and with their names, from its declaration
// alone, so that the struct needs no list of its fields.
//
//   struct Deliver { Index link; Count bytes; };
//   VisitFields(deliver, visitor);   // visitor("link", deliver.link); visitor("bytes", …);
//
// The struct must be an aggregate without base classes, arrays, bit-fields and references, and its
// default value must be a constant expression. C++26 has this in the language (P2996); until then
// the number of fields is the length of the longest initializer list that the struct accepts, and a
// name is what clang prints for a pointer to the field. Everything happens at compile time.

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace resprobe {

// The largest number of fields that VisitFields() supports.
inline constexpr size_t kMaxFields = 16;

namespace internal {

// Converts to a field of any type; never called.
struct AnyField {
  template <class T>
  constexpr operator T() const;  // NOLINT(google-explicit-constructor)
};

template <class Struct, size_t... kIndex>
consteval bool TakesInitializers(std::index_sequence<kIndex...>) {
  return requires { Struct{(static_cast<void>(kIndex), AnyField{})...}; };
}

// kMaxFields + 1 means any larger number.
template <class Struct, size_t kCount = 0>
consteval size_t CountFields() {
  if constexpr (kCount <= kMaxFields) {
    if constexpr (TakesInitializers<Struct>(std::make_index_sequence<kCount + 1>())) {
      return CountFields<Struct, kCount + 1>();
    }
  }
  return kCount;
}

template <class Struct>
inline constexpr Struct kPrototype{};

// Before clang 18 a pointer to a subobject can be a template argument only as a member of a class.
template <class T>
struct FieldPointer {
  const T* at;
};

// "client", from "… NameOf() [kField = FieldPointer<Index>{&kPrototype.client}]".
template <auto kField>
consteval std::string_view NameOf() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const size_t end = text.rfind("}]");
  const size_t dot = text.rfind('.', end);
  return text.substr(dot + 1, end - dot - 1);
}

struct NameProbe {
  int name = 0;
};
static_assert(NameOf<FieldPointer<int>{&kPrototype<NameProbe>.name}>() == "name",
              "this compiler prints a pointer to a field in another way than clang 14 to 19: teach "
              "NameOf() its form");

}  // namespace internal

// The number of fields; kMaxFields + 1 if there are more than VisitFields() supports.
template <class Struct>
inline constexpr size_t kFieldCount = internal::CountFields<Struct>();

// Returns use(field...), with a reference to each field of `fields`.
template <class Struct, class Use>
constexpr decltype(auto) WithFields(Struct& fields, Use&& use) {
  constexpr size_t kCount = kFieldCount<std::remove_const_t<Struct>>;
  static_assert(kCount <= kMaxFields, "more fields than kMaxFields (engine/fields.h)");
  // A structured binding has a fixed number of names before C++26.
  if constexpr (kCount == 0) {
    return use();
  } else if constexpr (kCount == 1) {
    auto& [a] = fields;
    return use(a);
  } else if constexpr (kCount == 2) {
    auto& [a, b] = fields;
    return use(a, b);
  } else if constexpr (kCount == 3) {
    auto& [a, b, c] = fields;
    return use(a, b, c);
  } else if constexpr (kCount == 4) {
    auto& [a, b, c, d] = fields;
    return use(a, b, c, d);
  } else if constexpr (kCount == 5) {
    auto& [a, b, c, d, e] = fields;
    return use(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    auto& [a, b, c, d, e, f] = fields;
    return use(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    auto& [a, b, c, d, e, f, g] = fields;
    return use(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    auto& [a, b, c, d, e, f, g, h] = fields;
    return use(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = fields;
    return use(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = fields;
    return use(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (kCount == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (kCount == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (kCount == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (kCount == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (kCount == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (kCount == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = fields;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

namespace internal {

template <class Struct>
inline constexpr auto kFieldPointers =
    WithFields(kPrototype<Struct>, []<class... Field>(const Field&... field) {
      return std::tuple<FieldPointer<Field>...>(FieldPointer<Field>{&field}...);
    });

template <class Struct, size_t... kIndex>
consteval std::array<std::string_view, sizeof...(kIndex)> NamesOf(std::index_sequence<kIndex...>) {
  return {NameOf<std::get<kIndex>(kFieldPointers<Struct>)>()...};
}

}  // namespace internal

// The names of the fields, in order.
template <class Struct>
inline constexpr std::array<std::string_view, kFieldCount<Struct>> kFieldNames =
    internal::NamesOf<Struct>(std::make_index_sequence<kFieldCount<Struct>>());

// Calls visitor(name, field) for each field in order.
template <class Struct, class Visitor>
constexpr void VisitFields(Struct& fields, Visitor&& visitor) {
  WithFields(fields, [&](auto&... field) {
    [[maybe_unused]] size_t index = 0;
    (visitor(kFieldNames<std::remove_const_t<Struct>>[index++], field), ...);
  });
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_FIELDS_H_
