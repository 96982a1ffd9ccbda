#include "tests/contract/usage_store_contract.hpp"
#include "tests/contract/usage_store_kinds.hpp"

namespace policyd::usage {
namespace {

struct KindName {
    template <typename Kind>
    static std::string GetName(int) {
        return Kind::kName;
    }
};

using Kinds = testing::Types<InRedis, InSqlite>;
INSTANTIATE_TYPED_TEST_SUITE_P(Every, UsageStoreContract, Kinds, KindName);

}  // namespace
}  // namespace policyd::usage
