#ifndef RESPROBE_ENGINE_WORLD_H_
#define RESPROBE_ENGINE_WORLD_H_

// What a world (ops_harness.h) or a raw target (raw_harness.h) must declare. A mistake in a new one
// gives one error that names it and what is missing, such as
//
//   error: static assertion failed due to requirement 'kHasSettle<MyWorld>': the world lacks a
//   public Settle(): declare void Settle(resprobe::RunContext& run);
//
// and no others: a harness over an invalid world is an empty class. tests/engine/wrong_worlds/ has
// a file for each mistake, with its error.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "engine/fields.h"
#include "engine/harness.h"
#include "engine/op.h"
#include "engine/run_context.h"

namespace resprobe {

class Gen;

namespace internal {

template <class World>
struct CasesOf {
  using Type = World;
};
template <class World>
  requires requires { typename World::Cases; }
struct CasesOf<World> {
  using Type = typename World::Cases;
};

}  // namespace internal

// The world that generates, prints and shrinks the cases of a world: its own, or World::Cases.
template <class World>
using CasesOf = typename internal::CasesOf<World>::Type;

namespace internal {

// The requirements. Their names appear in the errors.

template <class T>
constexpr bool kHasName = requires {
  { T::kName } -> std::convertible_to<std::string_view>;
};
template <class T>
constexpr bool kHasSummary = requires {
  { T::kSummary } -> std::convertible_to<std::string_view>;
};
// As a constant, because the bound of an array in a class template is unknown until its value is
// used.
template <class T>
constexpr bool kHasInvariants = requires {
  typename std::bool_constant<std::span<const InvariantInfo>(T::kInvariants).empty()>;
};

// True if T has a member of that name, whatever its type and access: a second base that has it too
// makes the name ambiguous.
struct HasGenerate {
  int Generate;
};
struct HasMutate {
  int Mutate;
};
struct HasSimplify {
  int Simplify;
};
template <class T, class Base>
struct WithBase : T, Base {};
template <class T>
constexpr bool kNamesGenerate =
    !std::is_final_v<T> && !requires { &WithBase<T, HasGenerate>::Generate; };
template <class T>
constexpr bool kNamesMutate = !std::is_final_v<T> && !requires { &WithBase<T, HasMutate>::Mutate; };
template <class T>
constexpr bool kNamesSimplify =
    !std::is_final_v<T> && !requires { &WithBase<T, HasSimplify>::Simplify; };

template <class World>
constexpr bool kHasConfig = requires { typename World::Config; };
template <class T>
constexpr bool kIsVariant = false;
template <class Kind, class... Rest>
constexpr bool kIsVariant<std::variant<Kind, Rest...>> = true;
template <class World>
constexpr bool kHasOp = requires { requires kIsVariant<typename World::Op>; };
template <class World>
constexpr bool kHasStart = requires(World& world, const typename World::Config& config,
                                    RunContext& run) { world.Start(config, run); };
template <class World, class Kind>
constexpr bool kHasApply =
    requires(World& world, const Kind& op, RunContext& run) { world.Apply(op, run); };
template <class World>
constexpr bool kHasSettle = requires(World& world, RunContext& run) { world.Settle(run); };
template <class World, class Struct>
constexpr bool kGenerates = requires(Gen& gen, Struct& fields) { World::Generate(gen, fields); };
template <class World, class Op>
constexpr bool kGeneratesSome = false;
template <class World, class... Kind>
constexpr bool kGeneratesSome<World, std::variant<Kind...>> =
    kGenerates<World, typename World::Config> || (kGenerates<World, Kind> || ...);
template <class World>
constexpr bool kGenerateIsUsed =
    !kNamesGenerate<World> || kGeneratesSome<World, typename World::Op>;

template <class Struct>
constexpr bool kIsPlainStruct =
    std::is_class_v<Struct> && std::is_aggregate_v<Struct> &&
    std::is_default_constructible_v<Struct> &&
    requires { typename std::bool_constant<(static_cast<void>(Struct{}), true)>; };
template <class Struct>
constexpr bool kHasFewFields = kFieldCount<Struct> <= kMaxFields;

// The name of a field, in a form that errors print.
template <size_t kSize>
struct Name {
  char text[kSize + 1] = {};
};
template <class Struct, size_t kIndex>
consteval auto FieldName() {
  constexpr std::string_view kText = kFieldNames<Struct>[kIndex];
  Name<kText.size()> name;
  std::copy(kText.begin(), kText.end(), name.text);
  return name;
}
template <class Struct, auto kName, class Field>
constexpr bool kHasFieldType = FixedField<Field> || TailField<Field> || std::is_enum_v<Field>;
template <class Struct, auto kName, class Field>
constexpr bool kHasEnumNames = !std::is_enum_v<Field> || NamedEnum<Field>;
template <class Struct, auto kName, class Field>
constexpr bool kHasFixedSize = !TailField<Field>;

template <class Kind>
constexpr bool kNameIsWord = [] {
  const std::string_view name = Kind::kName;
  return !name.empty() && name != "config" && name != "ops" &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}();
template <class Kind, class Other>
constexpr bool kNamesDiffer = std::string_view(Kind::kName) != std::string_view(Other::kName);

template <class Target>
constexpr bool kHasRun =
    requires(Target& target, Bytes input, RunContext& run) { target.Run(input, run); };
template <class Target>
constexpr bool kHasShow = requires(Target& target, Bytes input) {
  { target.Show(input) } -> std::convertible_to<std::string>;
};
template <class Target>
constexpr bool kHasGenerate =
    requires(Target& target, uint64_t seed, Tape& out) { target.Generate(seed, out); };
template <class Target>
constexpr bool kMutates = requires(Target& target, Bytes tape, uint64_t seed, Tape* out) {
  { target.Mutate(tape, seed, out) } -> std::same_as<bool>;
};
template <class Target>
constexpr bool kMutateIsUsed = !kNamesMutate<Target> || kMutates<Target>;
template <class Target>
constexpr bool kSimplifyIsUsed =
    !kNamesSimplify<Target> ||
    requires(Target& target, Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
      { target.Simplify(tape, still_fails) } -> std::same_as<bool>;
    };

// The checks. Each relies on those before it. With kReport the first failure is an error; without,
// the result is false.
// NOLINTBEGIN(readability-else-after-return, bugprone-macro-parentheses, bugprone-branch-clone)
#define RESPROBE_NEEDS(requirement, message)                    \
  if constexpr (!(requirement)) {                               \
    if constexpr (kReport) static_assert(requirement, message); \
    return false;                                               \
  } else
#define RESPROBE_ALSO_NEEDS(check) \
  if constexpr (!(check)) {        \
    return false;                  \
  } else

template <class Struct, auto kFieldName, class Field, bool kMayBeTail, bool kReport>
consteval bool CheckField() {
  RESPROBE_NEEDS((kHasFieldType<Struct, kFieldName, Field>),
                 "the field has a type that no tape holds: use bool, Index, Count, Number, an enum "
                 "with EnumNames(), Text or Args")
  RESPROBE_NEEDS((kHasEnumNames<Struct, kFieldName, Field>),
                 "the field is an enum without names: declare constexpr "
                 "std::span<const std::string_view> EnumNames(E) beside the enum E")
  if constexpr (!kMayBeTail) {
    RESPROBE_NEEDS((kHasFixedSize<Struct, kFieldName, Field>),
                   "only the last field of an op is a Text or Args: move it to the end, or choose "
                   "another type")
    return true;
  } else {
    return true;
  }
}

template <class Struct, bool kTailAllowed, bool kReport, size_t kIndex, class Field, class... Rest>
consteval bool CheckFieldsFrom() {
  constexpr bool kMayBeTail = kTailAllowed && sizeof...(Rest) == 0;
  RESPROBE_ALSO_NEEDS(
      (CheckField<Struct, FieldName<Struct, kIndex>(), Field, kMayBeTail, kReport>()))
  if constexpr (sizeof...(Rest) > 0) {
    return CheckFieldsFrom<Struct, kTailAllowed, kReport, kIndex + 1, Rest...>();
  } else {
    return true;
  }
}

template <class Struct, bool kTailAllowed, bool kReport>
consteval bool CheckFields() {
  RESPROBE_NEEDS(kIsPlainStruct<Struct>,
                 "this is no plain struct: give it public fields with constant initializers, and "
                 "no constructor, base class or virtual function")
  RESPROBE_NEEDS(kHasFewFields<Struct>,
                 "the struct has too many fields: raise kMaxFields and WithFields() "
                 "(engine/fields.h)")
  return WithFields(kPrototype<Struct>, []<class... Field>(const Field&...) {
    if constexpr (sizeof...(Field) > 0) {
      return CheckFieldsFrom<Struct, kTailAllowed, kReport, 0, Field...>();
    } else {
      return true;
    }
  });
}

template <class World, class Kind, bool kReport>
consteval bool CheckKind() {
  RESPROBE_NEEDS(kHasName<Kind>,
                 "the op lacks a public kName: declare "
                 "static constexpr std::string_view kName = \"word\";")
  RESPROBE_NEEDS(kNameIsWord<Kind>,
                 "the op's kName cannot begin a line: use a word of a-z, 0-9, _ and -, other than "
                 "config and ops")
  RESPROBE_ALSO_NEEDS((CheckFields<Kind, /*kTailAllowed=*/true, kReport>()))
  RESPROBE_NEEDS((kHasApply<World, Kind>),
                 "the world lacks a public Apply() for this op: declare "
                 "void Apply(const ThisOp& op, resprobe::RunContext& run);")
  return true;
}

template <class World, bool kReport, class Kind, class... Rest>
consteval bool CheckKinds() {
  RESPROBE_ALSO_NEEDS((CheckKind<World, Kind, kReport>()))
  if constexpr (sizeof...(Rest) > 0) {
    return CheckKinds<World, kReport, Rest...>();
  } else {
    return true;
  }
}

template <bool kReport, class Kind>
consteval bool CheckNames() {
  return true;
}
template <bool kReport, class Kind, class Other, class... Rest>
consteval bool CheckNames() {
  RESPROBE_NEEDS((kNamesDiffer<Kind, Other>), "two ops have the same kName: rename one of them")
  RESPROBE_ALSO_NEEDS((CheckNames<kReport, Kind, Rest...>()))
  return CheckNames<kReport, Other, Rest...>();
}

template <class World, bool kReport, class... Kind>
consteval bool CheckOps(std::type_identity<std::variant<Kind...>>) {
  RESPROBE_ALSO_NEEDS((CheckKinds<World, kReport, Kind...>()))
  return CheckNames<kReport, Kind...>();
}

template <class T, bool kReport>
consteval bool CheckHead() {
  RESPROBE_NEEDS(kHasName<T>,
                 "this lacks a public kName: declare static constexpr std::string_view kName = "
                 "\"name_of_the_harness\";")
  RESPROBE_NEEDS(kHasSummary<T>,
                 "this lacks a public kSummary: declare static constexpr std::string_view kSummary "
                 "= \"what it checks, in one line\";")
  RESPROBE_NEEDS(kHasInvariants<T>,
                 "this lacks public kInvariants: declare static constexpr resprobe::InvariantInfo "
                 "kInvariants[] = {{\"name\", \"what must hold\"}};")
  return true;
}

template <class World, bool kReport>
consteval bool CheckWorld() {
  RESPROBE_ALSO_NEEDS((CheckHead<World, kReport>()))
  RESPROBE_NEEDS(kHasConfig<World>,
                 "the world lacks a public Config: declare struct Config {};, with a field for "
                 "each choice that is made once for a run")
  RESPROBE_ALSO_NEEDS((CheckFields<typename World::Config, /*kTailAllowed=*/false, kReport>()))
  RESPROBE_NEEDS(kHasOp<World>,
                 "the world lacks a public Op: declare using Op = std::variant<...>;, with a "
                 "struct for each kind of op")
  RESPROBE_ALSO_NEEDS((CheckOps<World, kReport>(std::type_identity<typename World::Op>())))
  RESPROBE_NEEDS(kHasStart<World>,
                 "the world lacks a public Start(): declare "
                 "void Start(const Config& config, resprobe::RunContext& run);")
  RESPROBE_NEEDS(kHasSettle<World>,
                 "the world lacks a public Settle(): declare "
                 "void Settle(resprobe::RunContext& run);")
  RESPROBE_NEEDS(kGenerateIsUsed<World>,
                 "the world's Generate() fills no op: declare it public and static, as "
                 "static void Generate(resprobe::Gen& gen, SomeOp& op);")
  return true;
}

template <class Target, bool kReport>
consteval bool CheckRawTarget() {
  RESPROBE_ALSO_NEEDS((CheckHead<Target, kReport>()))
  RESPROBE_NEEDS(kHasRun<Target>,
                 "the target lacks a public Run(): declare "
                 "void Run(resprobe::Bytes input, resprobe::RunContext& run);")
  RESPROBE_NEEDS(kHasShow<Target>,
                 "the target lacks a public Show(): declare std::string Show(resprobe::Bytes "
                 "input);")
  RESPROBE_NEEDS(kHasGenerate<Target>,
                 "the target lacks a public Generate(): declare "
                 "void Generate(uint64_t seed, resprobe::Tape& out);")
  RESPROBE_NEEDS(kMutateIsUsed<Target>,
                 "the engine cannot call the target's Mutate(): declare it public, as "
                 "bool Mutate(resprobe::Bytes tape, uint64_t seed, resprobe::Tape* out);")
  RESPROBE_NEEDS(kSimplifyIsUsed<Target>,
                 "the shrinker cannot call the target's Simplify(): declare it public, as "
                 "bool Simplify(resprobe::Tape* tape, "
                 "const std::function<bool(const resprobe::Tape&)>& still_fails);")
  return true;
}
#undef RESPROBE_NEEDS
#undef RESPROBE_ALSO_NEEDS
// NOLINTEND(readability-else-after-return, bugprone-macro-parentheses, bugprone-branch-clone)

// Replaces a harness over an invalid world, so that the code that uses it compiles.
class NoHarness : public Harness {
 public:
  template <class... Args>
  explicit NoHarness(Args&&...) {}

  std::string_view name() const override { return {}; }
  std::string_view summary() const override { return {}; }
  std::span<const InvariantInfo> invariants() const override { return {}; }
  std::string_view input_kind() const override { return {}; }
  void Run(Bytes, RunContext&) override {}
  size_t OpCount(Bytes) override { return 0; }
  std::string Show(Bytes) override { return {}; }
  std::optional<Tape> Parse(std::string_view, std::string*) override { return {}; }
  Tape Generate(uint64_t) override { return {}; }
  size_t Mutate(uint8_t*, size_t, size_t, uint32_t, ByteMutator) override { return 0; }
  size_t CrossOver(Bytes, Bytes, uint8_t*, size_t, uint32_t) override { return 0; }
  Tape Shrink(Bytes, const FailsTheSame&, size_t) override { return {}; }
};

}  // namespace internal

// The requirement of OpsHarness.
template <class World>
concept OpsWorld = internal::CheckWorld<World, /*kReport=*/false>();

// The requirement of RawHarness.
template <class Target>
concept RawTarget = internal::CheckRawTarget<Target, /*kReport=*/false>();

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_WORLD_H_
