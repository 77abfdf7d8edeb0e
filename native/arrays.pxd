"""Checks of numpy arrays at the border between Python and C."""
from libc.stdint cimport uintptr_t
from numpy cimport PyArray_DATA, PyArray_ISCARRAY, PyArray_ISCARRAY_RO, PyArray_NBYTES, ndarray


cdef inline void *address(array) except? NULL:
    """Where the elements of an array begin."""
    return PyArray_DATA(<ndarray?>array)


cdef inline str described(array):
    """For messages: dtype and shape, or the type of what is no array."""
    return f"{array.dtype} {list(array.shape)}" if isinstance(array, ndarray) else type(array).__name__


cdef inline int check_array(str name, array, dtype, tuple shape, bint written) except -1:
    """Raises ValueError naming `name` unless `array` has this dtype and shape and lies in C order.

    `written` asks for a writeable array besides.
    """
    if not isinstance(array, ndarray) or array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} must be {dtype} {list(shape)}, got {described(array)}")
    if not PyArray_ISCARRAY_RO(<ndarray>array):
        raise ValueError(f"{name} must be C-contiguous and aligned, got strides {array.strides}")
    if written and not PyArray_ISCARRAY(<ndarray>array):
        raise ValueError(f"{name} must be writeable")
    return 0


cdef inline bint overlap(one, other):
    """Whether two C-contiguous arrays share memory."""
    cdef uintptr_t a = <uintptr_t>address(one), b = <uintptr_t>address(other)
    return a < b + <uintptr_t>PyArray_NBYTES(<ndarray>other) and b < a + <uintptr_t>PyArray_NBYTES(<ndarray>one)
