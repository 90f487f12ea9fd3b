// Batches that are used again once the last who holds them lets go, so that their memory is allocated once a
// slice.  Called by run.cc; thread-safe.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

namespace tamis::pipeline {

/// `T` has clear().  The pool may go before what was taken from it.
template <typename T>
class Pool {
 public:
  std::shared_ptr<T> take() {
    std::unique_ptr<T> object;
    {
      const std::lock_guard lock(shelf_->mutex);
      if (!shelf_->free.empty()) {
        object = std::move(shelf_->free.back());
        shelf_->free.pop_back();
      }
    }
    if (!object) object = std::make_unique<T>();
    return std::shared_ptr<T>(object.release(), [shelf = shelf_](T* used) {
      std::unique_ptr<T> back(used);
      back->clear();
      const std::lock_guard lock(shelf->mutex);
      shelf->free.push_back(std::move(back));
    });
  }

 private:
  struct Shelf {
    std::mutex mutex;
    std::vector<std::unique_ptr<T>> free;
  };
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

}  // namespace tamis::pipeline
